# One image for every role: `serve`, `work`, `migrate`, ... The root file system may be read-only; only /var/lib/paygw is written.

FROM python:3.11-slim-bookworm AS build
COPY requirements/run.lock /build/run.lock
RUN python -m venv --without-pip /opt/paygw \
    && pip --python /opt/paygw/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --only-binary :all: --require-hashes -r /build/run.lock
COPY paygw /opt/app/paygw
COPY connectors /opt/app/connectors
COPY reconciliation /opt/app/reconciliation
RUN /opt/paygw/bin/python -m compileall -q -j 0 /opt/app /opt/paygw/lib

FROM python:3.11-slim-bookworm
# tini reaps what the roles leave behind; nothing that builds or installs stays in the image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && groupadd --gid 10001 paygw \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/paygw --shell /usr/sbin/nologin paygw \
    && install -d -o paygw -g paygw -m 0700 /var/lib/paygw
COPY --from=build /opt/paygw /opt/paygw
COPY --from=build /opt/app /opt/app
COPY LICENSE /opt/app/LICENSE
ENV PATH=/opt/paygw/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PAYGW_HOST=0.0.0.0 \
    PAYGW_PORT=8080 \
    PAYGW_VAR=/var/lib/paygw
WORKDIR /var/lib/paygw
VOLUME ["/var/lib/paygw"]
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["/usr/bin/tini", "--", "python", "-m", "paygw"]
CMD ["serve"]
