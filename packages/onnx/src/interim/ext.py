import onnx, numpy as np
from onnx import helper, TensorProto, external_data_helper as e
w=np.arange(1,5001,dtype=np.float32)
t=onnx.numpy_helper.from_array(w,'w')
g=helper.make_graph([helper.make_node('Add',['x','w'],['y']),helper.make_node('Reshape',['y','s'],['z'])],'g',[helper.make_tensor_value_info('x',1,['N']),helper.make_tensor_value_info('s',7,['M'])],[helper.make_tensor_value_info('y',1,['N']),helper.make_tensor_value_info('z',1,None)],[t])
m=helper.make_model(g,opset_imports=[helper.make_opsetid('',21)],ir_version=10)
e.set_external_data(t2:=m.graph.initializer[0],'w.bin',0,w.nbytes); t2.ClearField('raw_data'); t2.data_location=TensorProto.EXTERNAL
open('ext.onnx','wb').write(m.SerializeToString()); open('extw.bin','wb').write(w.tobytes())
