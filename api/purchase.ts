import type { Catalogue } from '../drivers/providers/contract.ts'
import { invalidField } from './problem.ts'

interface Choice {
  location: string
  type: string
  image: string
}

/** Throws a 422 that names the field where the catalogue does not have what is chosen, or not together. */
export function refuseUnoffered({ locations, types, images }: Catalogue, { location, type, image }: Choice): void {
  const oneOf = (all: readonly { name: string }[]) => all.map(({ name }) => name).join(', ')
  const place = locations.find(({ name }) => name === location)
  if (!place) throw invalidField('location', `must be one of ${oneOf(locations)}`)
  const found = types.find(({ name }) => name === type)
  if (!found) throw invalidField('type', `must be one of ${oneOf(types)}`)
  const system = images.find(({ name }) => name === image)
  if (!system) throw invalidField('image', `must be one of ${oneOf(images)}`)
  const offered = found.offers.filter(({ isAvailable }) => isAvailable).map((offer) => offer.location)
  const elsewhere = offered.length === 0 ? 'choose another one' : `there is one in ${offered.join(', ')}`
  if (!found.offers.some((offer) => offer.location === location)) throw invalidField('type', `is not offered in ${location}: ${elsewhere}`)
  if (!offered.includes(location)) throw invalidField('type', `is sold out in ${location} at the moment: ${elsewhere}`, 'not_available')
  if (!system.architectures.includes(found.architecture)) throw invalidField('image', `there is none for ${found.architecture}, which ${type} is`)
}
