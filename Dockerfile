# One image for every role: api, catalog, worker, the setup and the `highnoon` command.
# The role is the command: node dist/api/main.js | dist/catalog/main.js | dist/engine/main.js

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package needs its install script here, and none shall run with our sources beside it.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build --chown=node:node /app /app
USER node
# api, catalog, and the operators' port of each role
EXPOSE 3000 3001 9464 9465 9466
CMD ["node", "dist/api/main.js"]
