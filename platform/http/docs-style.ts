/** Style and script of the docs pages, inside of them: no other address is ever asked. */
import { createHash } from 'node:crypto';

export const docsStyle = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#646b75;--line:#e3e6ea;--soft:#f5f7f9;
--get:#0b6bcb;--post:#1a7f37;--put:#9a6700;--patch:#8250df;--delete:#cf222e;--accent:#b4540a}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e4e7eb;--dim:#98a1ac;--line:#2c3238;
--soft:#1c2125;--get:#58a6ff;--post:#4cc26b;--put:#d9a53a;--patch:#bc8cff;--delete:#ff7b72;
--accent:#f0a35e}}
*{box-sizing:border-box}html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--fg);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
a{color:inherit;text-underline-offset:.25em}code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--soft);padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}
.page{display:grid;grid-template-columns:20rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;border-right:1px solid var(--line);
padding:1.25rem 1rem}
nav h1{font-size:1.15rem;margin:0 0 .75rem}nav h2{font-size:.78rem;color:var(--dim);
text-transform:uppercase;letter-spacing:.05em;margin:1.25rem 0 .25rem}
nav ul{list-style:none;margin:0;padding:0}nav li a{display:flex;gap:.5rem;padding:.2rem .3rem;
border-radius:5px;text-decoration:none;font-size:13px;overflow-wrap:anywhere}
nav li a:hover{background:var(--soft)}nav li.later{opacity:.55}
input{width:100%;padding:.45rem .6rem;border:1px solid var(--line);border-radius:6px;
background:var(--bg);color:inherit;font:inherit}
main{padding:1.5rem 2.5rem 4rem;max-width:62rem}
article{border-top:1px solid var(--line);padding:1.5rem 0}
article h3{margin:0 0 .25rem;font-size:1.1rem}
.line{font:600 14px ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.m{font:700 11px ui-monospace,Menlo,Consolas,monospace;min-width:3.6em;padding-top:.2em}
.GET{color:var(--get)}.POST{color:var(--post)}.PUT{color:var(--put)}.PATCH{color:var(--patch)}
.DELETE{color:var(--delete)}
.who{color:var(--dim);margin:.25rem 0 .75rem}h4{margin:1.1rem 0 .35rem;font-size:.9rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:600;color:var(--dim);font-size:12px}
td,th{padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child{white-space:nowrap}td:nth-child(2){white-space:nowrap}
th:first-child{width:32%}.req{color:var(--accent)}
pre{background:var(--soft);padding:.8rem 1rem;border-radius:8px;overflow-x:auto;margin:.4rem 0}
details summary{cursor:pointer;color:var(--dim)}.codes a{margin-right:.5rem;white-space:nowrap}
tr:target,article:target h3{background:color-mix(in srgb,var(--accent) 18%,transparent)}
@media(max-width:56rem){.page{display:block}nav{position:static;height:auto;border:0;
border-bottom:1px solid var(--line)}nav section{display:none}main{padding:1rem}
td:first-child{white-space:normal;overflow-wrap:anywhere}}
`;

export const docsScript = `
const box=document.getElementById('q');
const items=[...document.querySelectorAll('[data-find]')];
const groups=[...document.querySelectorAll('[data-group]')];
function find(){
  const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for(const it of items){it.hidden=!words.every(w=>it.dataset.find.includes(w));}
  for(const g of groups){g.hidden=!g.querySelector('[data-find]:not([hidden])');}
}
box.addEventListener('input',find);
addEventListener('keydown',e=>{
  if(e.key==='/'&&document.activeElement!==box){e.preventDefault();box.focus();}
});
for(const el of document.querySelectorAll('pre.curl')){
  el.textContent=el.textContent.replaceAll('http://localhost:3000',location.origin);
}
`;

const scriptHash = createHash('sha256').update(docsScript).digest('base64');

export const contentSecurityPolicy =
  `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'; ` +
  "base-uri 'none'; frame-ancestors 'none'";
