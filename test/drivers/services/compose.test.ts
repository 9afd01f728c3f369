import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { renderCompose, type ContainerShape } from '../../../drivers/services/compose.ts'
import { replica } from './replicas.ts'

const shape: ContainerShape = {
  key: 'replica-rep',
  containerName: 'shop-production-web-rep',
  stopGraceSeconds: 40,
  networks: ['keystone_gateway'],
  volumes: [],
  ports: [],
}

describe('renderCompose', () => {
  it('renders a container with limits, health check, volume and published port', () => {
    const input = replica({ cpuLimit: 1.5, memoryLimitMb: 1024, ownership: { ...replica().ownership, environmentId: 'env' } })
    const container: ContainerShape = {
      ...shape,
      command: ['php', 'artisan', 'queue:work'],
      healthcheck: { test: ['CMD', 'true'], intervalSeconds: 10, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 60 },
      volumes: [{ name: 'keystone_environment_env_storage_app', target: '/var/www/html/storage/app' }],
      ports: ['10.0.0.2:20001:8080'],
    }
    expect(renderCompose(input, 'keystone-rep', [container])).toBe(`name: "keystone-rep"
services:
  replica-rep:
    image: "postgres@sha256:${'a'.repeat(64)}"
    pull_policy: "missing"
    container_name: "shop-production-web-rep"
    command:
      - "php"
      - "artisan"
      - "queue:work"
    restart: "unless-stopped"
    env_file:
      - ".env"
    labels:
      keystone.organisation: "org"
      keystone.environment: "env"
      keystone.service: "svc"
      keystone.replica: "rep"
      keystone.operation: "op"
    networks:
      - "keystone_gateway"
    ports:
      - "10.0.0.2:20001:8080"
    volumes:
      - "keystone_environment_env_storage_app:/var/www/html/storage/app"
    cpus: 1.5
    mem_limit: "1024m"
    memswap_limit: "1024m"
    stop_grace_period: "40s"
    healthcheck:
      test:
        - "CMD"
        - "true"
      interval: "10s"
      timeout: "5s"
      retries: 3
      start_period: "60s"
      start_interval: "100ms"
    logging:
      driver: "json-file"
      options:
        max-size: "10m"
        max-file: "3"
networks:
  keystone_gateway:
    name: "keystone_gateway"
    external: true
volumes:
  keystone_environment_env_storage_app:
    name: "keystone_environment_env_storage_app"
    external: true
`)
  })

  it('never pulls an image that was built on the server', () => {
    const { services } = parse(renderCompose(replica({ image: 'sha256:abc', imageIsLocal: true }), 'p', [shape]))
    expect(services['replica-rep']).toMatchObject({ image: 'sha256:abc', pull_policy: 'never' })
  })

  it('lets Compose interpolate nothing', () => {
    const { services } = parse(renderCompose(replica(), 'p', [{ ...shape, command: ['sh', '-c', 'echo $HOME ${X} $$'] }]))
    expect(services['replica-rep'].command[2]).toBe('echo $$HOME $${X} $$$$')
  })
})
