const {o}=require('./m.cjs'),fs=require('fs')
;(async()=>{
 o.env.logLevel=process.argv[3]||'error'
 const data=new Uint8Array(fs.readFileSync('extw.bin')).slice()
 const se=await o.InferenceSession.create(fs.readFileSync('ext.onnx'),{logSeverityLevel:+process.argv[2],externalData:[{path:'w.bin',data}],...(process.argv[4]?{preferredOutputLocation:{y:process.argv[4]}}:{})})
 data.fill(255); structuredClone(data.buffer,{transfer:[data.buffer]}); if(global.gc)gc()
 const x=new o.Tensor('float32',new Float32Array(5000),[5000])
 const r=await se.run({x,s:new o.Tensor('int64',BigInt64Array.of(50n,100n),[2])}); console.log(r.y.location,r.y.dims,r.y.location==='cpu'&&r.y.data.slice(-2),r.z.dims)
 try{await se.run({x,s:new o.Tensor('int64',BigInt64Array.of(51n,100n),[2])})}catch(e){console.log('ERR',e.message)}
 if(process.argv[4]){const r2=await se.run({x:r.y,s:new o.Tensor('int64',BigInt64Array.of(50n,100n),[2])}); console.log(r2.z.data.slice(-2))}
})().catch(e=>console.log('FAIL',e.message))
