# docker build -t kyso . && docker run --init -p 8080:8080 -v kyso:/data -e SEED=demo kyso
#
# SIMULATION is on, as everywhere but under NODE_ENV=production. The demo people are public, and 0.0.0.0 is not a loopback
# address, so they come only when SEED=demo asks for them. Set PUBLIC_URL where the server is reached by another name.
FROM node:24-bookworm-slim AS build
# The compiler is for the PKCS#11 binding and for softhsm/master-key.c.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Node's headers are in the image; node-gyp need not download them.
RUN npm_config_nodedir=/usr/local npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY softhsm softhsm
RUN npm run build \
 && mkdir -p build/softhsm && cc -O2 -o build/softhsm/master-key softhsm/master-key.c -ldl \
 && npm prune --omit=dev

FROM node:24-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends softhsm2 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -m 0700 /data && chown node:node /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/build build
COPY src/phone/page/files src/phone/page/files
COPY softhsm softhsm
COPY keys keys
USER node
ENV HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "build/src/main.js"]
