/** What we use of a package that brings no types. */
declare module 'fs-native-extensions' {
  /** Locks an open file for its descriptor alone, without waiting; false where another descriptor has the lock. */
  export function tryLock(fd: number): boolean
}
