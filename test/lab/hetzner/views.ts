import type { FakeKey, FakeNetwork, FakeProject, FakeServer } from './project.ts'

/** How the API tells of things, since July 2026 without their datacenter. */

export const keyView = (key: FakeKey) => ({ ...key })

export const networkView = (project: FakeProject) => (network: FakeNetwork) => ({
  ...network,
  ...{ routes: [], load_balancers: [], protection: { delete: false }, expose_routes_to_vswitch: false },
  servers: project.servers.filter(({ attached }) => attached.some((one) => one.network === network.id)).map(({ id }) => id),
})

export const serverView = (project: FakeProject) => (server: FakeServer) => {
  const { type, address, attached, isProtected, ...told } = server
  return {
    ...told,
    server_type: type,
    public_net: {
      ipv4: address === '' ? null : { id: 1, ip: address, blocked: false, dns_ptr: `static.${address}.clients.example` },
      ipv6: { id: 2, ip: '2001:db8::/64', blocked: false, dns_ptr: [] },
      ...{ floating_ips: [], firewalls: [] },
    },
    private_net: attached.map((net) => ({ ...net, alias_ips: [], mac_address: '86:00:ff:2a:7d:e1' })),
    ...{ included_traffic: 0, outgoing_traffic: 0, ingoing_traffic: 0, backup_window: null, rescue_enabled: false, iso: null },
    ...{ volumes: [], primary_disk_size: type.disk, placement_group: null, load_balancers: [] },
    protection: { delete: isProtected, rebuild: isProtected },
    locked: project.actions.isLocked('server', server.id),
  }
}
