const {Worker,isMainThread,parentPort,threadId}=require('worker_threads')
const ORT='/work/main/node_modules/.pnpm/onnxruntime-node@1.30.0/node_modules/onnxruntime-node'
// tiny model: Add(x,x): handwritten protobuf
const enc=[];const vi=(n)=>{const o=[];while(n>127){o.push(n&127|128);n=Math.floor(n/128)}o.push(n);return o}
const ld=(f,b)=>[...vi(f*8+2),...vi(b.length),...b], s=t=>[...Buffer.from(t)], iv=(f,n)=>[...vi(f*8),...vi(n)]
const val=(n)=>[...ld(1,s(n)),...ld(2,ld(1,[...iv(1,1),...ld(2,ld(1,ld(2,s('N'))))]))]
const g=[...ld(1,[...ld(1,s('x')),...ld(1,s('x')),...ld(2,s('y')),...ld(4,s('Add'))]),...ld(2,s('g')),...ld(11,val('x')),...ld(12,val('y'))]
const m=Uint8Array.from([...iv(1,10),...ld(7,g),...ld(8,iv(2,21))])
async function go(){
 const o=require(ORT)
 const se=await o.InferenceSession.create(m,{logSeverityLevel:3,executionProviders:['cpu']})
 const out=[]
 for(let i=0;i<2000;i++){const r=await se.run({x:new o.Tensor('float32',Float32Array.of(1,2,3),[3])});out.push(r.y); if(!(r.y instanceof o.Tensor)) throw new Error('not tensor')}
 return [out.at(-1).data, out.at(-1).data.buffer.constructor.name, out.at(-1).location]
}
if(isMainThread){
 const mode=process.argv[2]
 const mk=()=>new Promise((r,j)=>{const w=new Worker(__filename);w.on('message',async d=>{console.log(w.threadId,d); if(mode.includes('t'))await w.terminate();r()});w.on('error',j)})
 ;(async()=>{
  if(mode.includes('m'))console.log('main',await go())
  for(let k=0;k<3;k++)await Promise.all([mk(),mk(),mk()])
  if(mode.includes('M'))console.log('main',await go())
  if(mode.includes('m'))console.log('main',await go())
  console.log('ok')
  if(!mode.includes('t')) process.exit(0)
 })()
}else go().then(r=>{parentPort.postMessage(r); if(false)parentPort.on('message',()=>{}); setInterval(()=>{},1e6)},e=>parentPort.postMessage(String(e)))
