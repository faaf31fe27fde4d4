const {o,m}=require('./m.cjs')
;(async()=>{
 const dev=process.argv[2]
 try{const se=await o.InferenceSession.create(m,{logSeverityLevel:3,executionProviders:dev==='none'?undefined:dev.split(',')})
 const r=await se.run({x:new o.Tensor('float32',Float32Array.of(1,2,3),[3])});console.log(dev,r.y.data,se.inputMetadata,se.outputMetadata)
 if(dev==='cpu'){ const b=r.y.data.buffer; try{structuredClone(b,{transfer:[b]});console.log('transferable')}catch(e){console.log('NOT transferable',e.message)}
  // fetches preallocated
  const pre=new o.Tensor('float32',new Float32Array(3),[3]); const r2=await se.run({x:new o.Tensor('float32',Float32Array.of(1,2,3),[3])},{y:pre}); console.log('pre',r2.y.data===pre.data,r2.y===pre,pre.data)
  // zero-size
  const r3=await se.run({x:new o.Tensor('float32',new Float32Array(0),[0])}); console.log('zero',r3.y.data,r3.y.dims,r3.y.data.buffer.byteLength)
  // wrong dtype
  for (const f of [{x:new o.Tensor('int64',BigInt64Array.of(1n),[1])},{x:new o.Tensor('float32',Float32Array.of(1),[1,1])},{}]) try{await se.run(f);console.log('??')}catch(e){console.log('ERR',e.message)}
  // shared input
  const sab=new Float32Array(new SharedArrayBuffer(12)); try{const r4=await se.run({x:new o.Tensor('float32',sab,[3])});console.log('sab ok',r4.y.data)}catch(e){console.log('sab',e.message)}
  const ms=new Uint8Array(new SharedArrayBuffer(m.length)); ms.set(m); try{await o.InferenceSession.create(ms);console.log('sab model ok')}catch(e){console.log('sab model',e.message)}
  await se.release(); try{await se.run({x:new o.Tensor('float32',Float32Array.of(1),[1])});console.log('??')}catch(e){console.log('ERR',e.message)}
  try{await se.release();console.log('double release ok')}catch(e){console.log('ERR2',e.message)}
  try{await o.InferenceSession.create(new Uint8Array([1,2,3]));console.log('??')}catch(e){console.log('ERR',e.message)}
 }
 }catch(e){console.log(dev,'ERR',e.message)}
})()
