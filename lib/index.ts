/**
 * cairndb: public exports, nothing else.
 */
export * from './stores/kv/index.js'
