# Keystone for production: compiled JavaScript, the workflow bundle built ahead. `docker-compose.temporal.yml` runs it.
FROM node:22-bookworm-slim AS build
WORKDIR /keystone
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:22-bookworm-slim
# The heap's limit is as in `stack/keystone.ts`.
ENV NODE_ENV=production NODE_OPTIONS="--enable-source-maps --max-old-space-size=1024"
WORKDIR /keystone
COPY --from=build /keystone/package.json ./
COPY --from=build /keystone/node_modules node_modules
COPY --from=build /keystone/dist dist
RUN install --directory --owner=node --group=node --mode=700 /keys
USER node
# `stack/prepare.js` before every new version, then as many of `api/server.js` and `worker.js` as needed.
CMD ["node", "dist/worker.js"]
