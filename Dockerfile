FROM python:3.13.2-slim AS dependencies
COPY requirements.lock .
RUN python -m venv --without-pip /opt/recharge \
 && pip --python /opt/recharge/bin/python install --no-cache-dir --no-deps --require-hashes -r requirements.lock

FROM python:3.13.2-slim
ENV PATH=/opt/recharge/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Named volumes take their owner and mode from these folders. 1883 is the user in Mosquitto's image, so the broker can
# read what `recharge certificates prepare` writes. A container can read only what it mounts.
RUN groupadd --gid 1883 recharge \
 && useradd --uid 1883 --gid 1883 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin recharge \
 && install -d -m 700 -o 1883 -g 1883 /data /audit /backups /authority /mosquitto/data /mosquitto/certificates \
    /secrets /secrets/administrator /secrets/cloud_service /secrets/gateway \
    /secrets/monitor /secrets/ocpp_gateway /secrets/demo
COPY --from=dependencies /opt/recharge /opt/recharge
COPY cloud_service /opt/recharge/lib/python3.13/site-packages/cloud_service
COPY clients/recharge /opt/recharge/lib/python3.13/site-packages/recharge
RUN python -m compileall -q /opt/recharge/lib
USER 1883:1883
WORKDIR /data
ENTRYPOINT ["python", "-m", "cloud_service"]
