/** The style of the report: one column, light and dark, a colour for each engine. */

/** By the names that `colourOf` makes of engines. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #e3e7ec; --track: #f1f3f6;
  --good: #1a7f37; --bad: #c0352b; --mark: #1f2328;
  --native: #0b6e75; --typescript: #5fb0ad; --classic-level: #8a8f98; --lmdb: #c28f2c;
  --better-sqlite3: #6f8fd0; --bare-loop: #9b59a6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --ink: #e4e7ea; --soft: #9aa4ae; --grid: #2a3036; --track: #20252a;
    --good: #5cc97a; --bad: #ff8077; --mark: #ffffff;
    --native: #35b5bd; --typescript: #7fcfc9; --classic-level: #9aa0a8; --lmdb: #dcae52;
    --better-sqlite3: #8eabee; --bare-loop: #c68ad0;
  }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; background: var(--page); color: var(--ink);
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.7rem; margin: 0 0 .2rem }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .4rem; border-bottom: 1px solid var(--grid) }
h3 { font-size: 1rem; margin: 1.5rem 0 .2rem }
h4 { font-size: .92rem; font-weight: 600; margin: .9rem 0 .15rem }
p, li { color: var(--soft); margin: .3rem 0; max-width: 48rem }
ul { padding-left: 1.1rem }
table { border-collapse: collapse; font-size: .88rem; margin: .5rem 0 }
td, th { padding: .18rem .9rem .18rem 0; text-align: left; vertical-align: top;
  font-weight: normal }
th { color: var(--soft) }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tbody tr { border-top: 1px solid var(--grid) }
.scroll { overflow-x: auto }
.met { color: var(--good); font-weight: 600 }
.missed { color: var(--bad); font-weight: 600 }
.goal { font-size: .85rem; color: var(--soft) }
.bar { display: grid; grid-template-columns: 7.5rem minmax(6rem, 1fr) 6.5rem 3.2rem 8.5rem;
  gap: .7rem; align-items: center; font-size: .88rem; line-height: 1.35 }
.track { position: relative; height: .95rem; background: var(--track); border-radius: 2px }
.fill { height: 100%; border-radius: 2px; min-width: 1px }
.mark { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--mark) }
.n { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap }
.soft { color: var(--soft) }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; font-size: .88rem; margin: .5rem 0 }
.legend i { display: inline-block; width: .85rem; height: .85rem; border-radius: 2px;
  margin-right: .4rem; vertical-align: -1px }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1.2rem }
figure { margin: 0 }
figcaption { font-size: .92rem; font-weight: 600 }
svg { max-width: 100%; height: auto; display: block }
@media (max-width: 44rem) {
  .bar { grid-template-columns: 6.5rem 1fr 5.5rem }
  .bar > :nth-child(n + 4) { display: none }
  .charts { grid-template-columns: 1fr }
}
`

/** A variable of the style. */
export function colourOf(subject: string): string {
  return `var(--${subject.replace(/\W+/g, '-')})`
}

export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
