import type { InferRequestType, InferResponseType } from 'hono/client'
import { expectTypeOf, it } from 'vitest'
import type { Client, Operation } from '../../cli/client.ts'

type Deploy = Client['deployments']['$post']

it('is typed by the routes: what they take', () => {
  expectTypeOf<InferRequestType<Deploy>['json']>().toEqualTypeOf<{ branch?: string; commit?: string; image?: string }>()
  expectTypeOf<InferRequestType<Deploy>['param']>().toEqualTypeOf<{ organisationId: string; environmentId: string }>()
})

it('is typed by the routes: what they answer', () => {
  expectTypeOf<InferResponseType<Deploy, 202>['status']>().toEqualTypeOf<Operation['status']>()
  expectTypeOf<InferResponseType<Client['servers']['$get'], 200>['items'][number]['address']>().toEqualTypeOf<string | null>()
})
