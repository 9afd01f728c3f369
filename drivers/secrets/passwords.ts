import { hash, verify } from '@node-rs/argon2'
import type { Secret } from '../../domain/secret.ts'

/** OWASP's first choice for argon2id, which is what the library makes: 19 MB and about 30 ms for each attempt. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The hash of a password (argon2id, PHC format), with a salt of its own. */
export const hashPassword = (password: Secret): Promise<string> => hash(typed(password), cost)

/** Whether this is the password. */
export const isPassword = (passwordHash: string, password: Secret): Promise<boolean> => verify(passwordHash, typed(password))

/** Keyboards type the same characters in several ways. */
const typed = (password: Secret): string => password.reveal().normalize('NFKC')
