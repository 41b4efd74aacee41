# Andon in one image. Keys first (it listens beyond loopback, so it refuses to start without one):
#   docker compose run --rm andon keys add laptop --scope emit,read,write
#   docker compose --profile embedded up

FROM node:22-slim AS page
WORKDIR /andon/ui
COPY ui/package.json ui/package-lock.json ./
RUN npm ci
COPY ontology /andon/ontology
COPY ui ./
RUN npm run build

FROM python:3.12-slim AS build
WORKDIR /andon
RUN python -m venv /opt/andon
COPY requirements/server.txt requirements/build.txt requirements/compiled.txt requirements/
RUN /opt/andon/bin/pip install --no-cache-dir --require-hashes -r requirements/server.txt
RUN /opt/andon/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements/compiled.txt \
    || echo "no compiled SQL parser for this platform"
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY . .
COPY --from=page /andon/api/static api/static
RUN /opt/build/bin/python -m hatchling build --target wheel \
    && /opt/andon/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data andon && install --directory --owner andon /data
COPY --from=build /opt/andon /opt/andon
ENV PATH=/opt/andon/bin:$PATH PYTHONUNBUFFERED=1 ANDON_DATA=/data
USER andon
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["andon"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
