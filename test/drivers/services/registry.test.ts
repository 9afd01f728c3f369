import { describe, expect, it } from 'vitest'
import { driverNames } from '../../../domain/services.ts'
import { allDrivers, serviceDriver } from '../../../drivers/services/registry.ts'

describe('the registry', () => {
  it('has a driver for every name', () => {
    expect(allDrivers().map((driver) => driver.name)).toEqual([...driverNames])
    for (const name of driverNames) expect(serviceDriver(name).name).toBe(name)
  })

  it.each(allDrivers().map((driver) => [driver.name, driver] as const))('%s fills in its defaults and is parsed again from them', (_, driver) => {
    const { config } = driver.configured({})
    expect(driver.configured(JSON.parse(JSON.stringify(config))).config).toEqual(config)
  })
})
