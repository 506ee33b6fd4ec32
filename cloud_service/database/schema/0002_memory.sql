-- What has been: answered requests, ended reservations, and events that the brokers may not have yet.
-- The first two are partitioned by time, so that what is too old is dropped whole.

CREATE TABLE requests (
    client text NOT NULL,
    identity bytea NOT NULL,
    at timestamptz NOT NULL,
    day date NOT NULL,                  -- of `at`, in UTC
    fingerprint bytea NOT NULL,
    status text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (client, identity, day)
) PARTITION BY RANGE (day);

-- A primary key holds within a partition only. Of two services that use the same ID at once on both sides of
-- midnight, neither sees the other's row, so IDs of that time are kept together too.
CREATE TABLE requests_near_midnight (
    client text NOT NULL,
    identity bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (client, identity)
);

CREATE FUNCTION refuse_used_request_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF abs(extract(epoch FROM NEW.at - date_trunc('day', NEW.at + interval '12 hours', 'UTC'))) < 600 THEN
        INSERT INTO requests_near_midnight VALUES (NEW.client, NEW.identity, NEW.at);
    END IF;
    IF EXISTS (SELECT FROM requests WHERE client = NEW.client AND identity = NEW.identity AND day <> NEW.day) THEN
        RAISE unique_violation USING MESSAGE = 'this request ID was used before';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_id_is_new BEFORE INSERT ON requests
    FOR EACH ROW EXECUTE FUNCTION refuse_used_request_id();

CREATE TABLE history (
    at timestamptz NOT NULL,
    station_id bigint NOT NULL,
    point_id bigint NOT NULL,
    reservation_id bigint NOT NULL,
    record json NOT NULL                -- a line as in the history of a data folder
) PARTITION BY RANGE (at);
CREATE INDEX history_by_reservation ON history (station_id, point_id, reservation_id);

CREATE TABLE events (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance uuid NOT NULL,             -- the service that has to publish it
    legacy boolean NOT NULL,
    vehicle text NOT NULL,
    record json NOT NULL
);
CREATE INDEX events_by_vehicle ON events (vehicle, legacy);
CREATE INDEX events_by_instance ON events (instance);

-- The services that use the database. Each holds the advisory lock of its row for as long as it is connected.
CREATE TABLE instances (
    instance uuid PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Stations, and points, that several services have changed within seconds: whose state reached the broker last
-- is not known, so one service tells it once more.
CREATE TABLE contended (
    station_id bigint NOT NULL,
    point_id bigint,
    at timestamptz NOT NULL
);

-- Points with time that has become free. A flexible reservation that another service made at that moment has
-- not been offered it, so one service offers it once more.
CREATE TABLE freed (
    station_id bigint NOT NULL,
    point_id bigint NOT NULL,
    at timestamptz NOT NULL
);

-- The service's role owns no table, so the owner of these functions makes and drops partitions for it. They give up
-- soon: while they wait for whoever reads a table for hours, everybody else would wait behind them.

-- Makes those of a day, of its month and of what follows, as far as they are missing: only that takes a lock.
CREATE FUNCTION make_partitions(since timestamptz, days_ahead int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' SET search_path = recharge, pg_temp AS $$
DECLARE
    first date := (since AT TIME ZONE 'UTC')::date;
    month date := date_trunc('month', first)::date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('make_partitions', 0));  -- IF NOT EXISTS is no lock
    DELETE FROM requests_near_midnight WHERE at < since - interval '1 hour';
    FOR days IN 0..days_ahead LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF requests FOR VALUES FROM (%L) TO (%L)',
            'requests_' || to_char(first + days, 'YYYYMMDD'), first + days, first + days + 1);
    END LOOP;
    FOR months IN 0..least(days_ahead, 1) LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF history FOR VALUES FROM (%L) TO (%L)',
            'history_' || to_char(month + make_interval(months => months), 'YYYYMM'),
            ((month + make_interval(months => months))::timestamp AT TIME ZONE 'UTC'),
            ((month + make_interval(months => months + 1))::timestamp AT TIME ZONE 'UTC'));
    END LOOP;
END $$;

-- Drops the partitions of a table that hold nothing from `before` or later.
CREATE FUNCTION drop_partitions(of_table text, before date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' SET search_path = recharge, pg_temp AS $$
DECLARE
    partition record;
BEGIN
    FOR partition IN
        SELECT child.relname, substring(pg_get_expr(child.relpartbound, child.oid) FROM 'TO \(''([^'']+)''')::date AS until
        FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
        WHERE parent.relname = of_table AND of_table IN ('requests', 'history')
          AND parent.relnamespace = current_schema()::regnamespace
    LOOP
        IF partition.until <= before THEN
            EXECUTE format('DROP TABLE %I', partition.relname);
        END IF;
    END LOOP;
END $$;
