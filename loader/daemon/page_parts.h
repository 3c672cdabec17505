/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the page never changes. */
#ifndef XDPLBD_PAGE_PARTS_H
#define XDPLBD_PAGE_PARTS_H

/* On a phone each backend is a block, its numbers with their names. */
static const char page_style[] =
	":root{color-scheme:light dark;--fg:#1b1f24;--bg:#f6f7f9;--card:#fff;--line:#dde1e6;"
	"--dim:#59636e;--up:#11693a;--out:#b3261e;--mid:#7a4d00;--bar:#3b6fb6}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6e9ed;--bg:#14171b;--card:#1d2126;"
	"--line:#343a42;--dim:#9aa4af;--up:#5fd38d;--out:#ff8a80;--mid:#f0b95c;--bar:#7fb0ee}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.4 system-ui,sans-serif}\n"
	"main{max-width:70rem;margin:0 auto;padding:1rem}\n"
	"h1{font-size:1.3rem;margin:0}h2{font-size:1.05rem;margin:0;overflow-wrap:anywhere}\n"
	"header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline}\n"
	".dim{color:var(--dim)}header .dim{overflow-wrap:anywhere}\n"
	"section{background:var(--card);border:1px solid var(--line);border-radius:8px;"
	"padding:.8rem 1rem;margin:.8rem 0}\n"
	".head{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:center}\n"
	".head svg{margin-left:auto;width:12rem;height:2rem}\n"
	"polygon{fill:var(--bar);opacity:.75}\n"
	".trouble{border-color:var(--out)}.trouble ul{margin:0;padding-left:1.2rem}\n"
	"dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(6.5rem,1fr));gap:.6rem;"
	"margin:0}\n"
	"dt{color:var(--dim);font-size:.85rem}dd{margin:0;font-size:1.2rem}\n"
	"table{width:100%;border-collapse:collapse;margin-top:.5rem;"
	"font-variant-numeric:tabular-nums}\n"
	"th{font-weight:normal;color:var(--dim);font-size:.85rem}\n"
	"th,td{text-align:right;padding:.2rem .5rem;border-top:1px solid var(--line)}\n"
	"th,td{white-space:nowrap}th:first-child,td:first-child,.l{text-align:left}\n"
	".wide{width:45%;white-space:normal;overflow-wrap:anywhere}a{color:inherit}\n"
	".up{color:var(--up)}.down{color:var(--out)}.drain,.backup{color:var(--mid)}\n"
	"b{font-weight:600}\n"
	"@media(max-width:45rem){thead{display:none}tr{display:grid;"
	"grid-template-columns:1fr 1fr;border-top:1px solid var(--line);padding:.3rem 0}"
	"td{border:0;padding:.05rem 0;text-align:left;white-space:normal;overflow-wrap:anywhere}"
	"td:first-child,.wide{grid-column:1/3;width:auto}"
	"td[data-n]::before{content:attr(data-n) ' ';color:var(--dim)}"
	".head svg{margin-left:0;width:100%}}\n";

/* Takes the new page's middle; says so when there is none. */
static const char page_script[] =
	"const again=()=>setTimeout(renew,2000);\n"
	"async function renew(){const old=document.querySelector('main');try{"
	"const answer=await fetch('/',{cache:'no-store'});if(!answer.ok)throw answer.status;"
	"const page=new DOMParser().parseFromString(await answer.text(),'text/html');"
	"old.replaceWith(page.querySelector('main'));document.title=page.title}catch(e){"
	"document.getElementById('age').textContent='xdplbd does not answer; this is from '+"
	"old.dataset.time}again()}\nagain()\n";

#endif
