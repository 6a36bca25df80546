/**
 * Charts as SVG, drawn by Vega-Lite without a browser.
 *
 * Colours are variables of the page's style, so that one drawing is legible on light and dark.
 */
import { Packages } from '../packages.js'

const PACKAGES = new Packages('bench/html', ['vega', 'vega-lite'])

/** A specification of Vega-Lite; what it may hold is told in its documentation. */
export type Spec = Readonly<Record<string, unknown>>

interface Vega {
  readonly parse: (spec: object) => object
  readonly View: new (
    runtime: object,
    options: { renderer: 'none' },
  ) => {
    toSVG(): Promise<string>
  }
}

interface VegaLite {
  readonly compile: (spec: object) => { readonly spec: object }
}

const FONT = 'system-ui, sans-serif'
const CONFIG = {
  background: null,
  font: FONT,
  view: { stroke: null },
  axis: {
    labelColor: 'var(--ink)',
    titleColor: 'var(--soft)',
    gridColor: 'var(--grid)',
    domainColor: 'var(--soft)',
    tickColor: 'var(--soft)',
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
}

export type Draw = (spec: Spec) => Promise<string>

/** Gives what draws a specification. Installs the packages; rejects when they can not be had. */
export async function loadDrawing(): Promise<Draw> {
  PACKAGES.install('what draws charts (once)')
  const vega = (await PACKAGES.import('vega')) as Vega
  const { compile } = (await PACKAGES.import('vega-lite')) as VegaLite
  return (spec) => {
    const runtime = vega.parse(compile({ config: CONFIG, ...spec }).spec)
    return new vega.View(runtime, { renderer: 'none' }).toSVG()
  }
}
