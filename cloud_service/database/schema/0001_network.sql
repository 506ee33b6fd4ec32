-- The network: what is true now, one row for each record. `record` is the record as the journal of a data
-- folder has it, letter by letter, so that 30 stays 30 and 30.0 stays 30.0; the other columns are what the
-- database itself has to find, to sort and to check.

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE TABLE network (
    is_the_only boolean PRIMARY KEY DEFAULT true CHECK (is_the_only),
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_station_id bigint NOT NULL DEFAULT 0,
    half_copied_from text               -- from where a network is being copied here, until all of it is here
);
INSERT INTO network DEFAULT VALUES;

-- Of two bookings, the first has the lower number. A batch takes a thousand numbers at once.
CREATE SEQUENCE bookings INCREMENT BY 1000;

CREATE TABLE stations (
    station_id bigint PRIMARY KEY,
    owner text NOT NULL,
    x numeric NOT NULL,
    y numeric NOT NULL,
    place point NOT NULL,               -- the location in floats, for the search of the nearest
    has_points boolean NOT NULL,
    shares_location boolean NOT NULL DEFAULT false,  -- as stations of old files may
    last_point_id bigint NOT NULL,
    record json NOT NULL
);
CREATE UNIQUE INDEX one_station_at_a_location ON stations (x, y) WHERE NOT shares_location;
CREATE INDEX stations_by_location ON stations (x, y);
CREATE INDEX stations_by_owner ON stations (owner);
CREATE INDEX stations_by_place ON stations USING gist (place) WHERE has_points;

-- Whoever changes anything at a point (its record, a reservation, a session) changes its row. So of two
-- services that do so at once, the later one learns of it.
CREATE TABLE points (
    station_id bigint NOT NULL REFERENCES stations,
    point_id bigint NOT NULL,
    last_reservation_id bigint NOT NULL,
    due_at timestamptz,                 -- when something happens here by the passing of time
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL,
    record json NOT NULL,
    PRIMARY KEY (station_id, point_id)
) WITH (fillfactor = 70);
CREATE INDEX points_by_due ON points (due_at) WHERE due_at IS NOT NULL;

-- Hours and minutes do not depend on the time zone, so this is immutable, unlike the addition in general.
CREATE FUNCTION five_minutes_after(moment timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT moment + interval '5 minutes' $$;

CREATE TABLE reservations (
    station_id bigint NOT NULL,
    point_id bigint NOT NULL,
    reservation_id bigint NOT NULL,
    legacy boolean NOT NULL,
    vehicle text NOT NULL,
    start timestamptz NOT NULL,
    finish timestamptz NOT NULL,
    waits_at point,                     -- where the vehicle of a flexible one is, as long as it may move up
    record json NOT NULL,
    PRIMARY KEY (station_id, point_id, reservation_id),
    FOREIGN KEY (station_id, point_id) REFERENCES points,
    CONSTRAINT one_reservation_of_a_vehicle UNIQUE (legacy, vehicle),
    CONSTRAINT five_minutes_between_reservations EXCLUDE USING gist (
        station_id WITH =, point_id WITH =, tstzrange(start, five_minutes_after(finish)) WITH &&
    ) DEFERRABLE INITIALLY IMMEDIATE    -- several may change places in one statement
) WITH (fillfactor = 80);
CREATE INDEX reservations_that_wait ON reservations USING gist (waits_at) WHERE waits_at IS NOT NULL;

CREATE TABLE sessions (
    station_id bigint NOT NULL,
    point_id bigint NOT NULL,
    legacy boolean,
    vehicle text,
    record json NOT NULL,
    PRIMARY KEY (station_id, point_id),
    FOREIGN KEY (station_id, point_id) REFERENCES points,
    CONSTRAINT one_session_of_a_vehicle UNIQUE (legacy, vehicle)  -- as many as may be without one
        DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE absences (
    owner text PRIMARY KEY,
    record json NOT NULL
);

-- An ID is never given twice: it is larger than the largest ever given, and that only grows.

CREATE FUNCTION refuse_used_id() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'stations' THEN
            is_new := (SELECT last_station_id < NEW.station_id FROM network);
        WHEN 'points' THEN
            is_new := (SELECT last_point_id < NEW.point_id FROM stations WHERE station_id = NEW.station_id);
        WHEN 'reservations' THEN
            is_new := (SELECT last_reservation_id < NEW.reservation_id FROM points
                       WHERE station_id = NEW.station_id AND point_id = NEW.point_id);
    END CASE;
    IF NOT coalesce(is_new, true) THEN
        RAISE unique_violation USING MESSAGE = format('this ID was given before: %s', NEW.record);
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refuse_smaller_last_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = format('the largest ID ever given in %s would shrink', TG_TABLE_NAME);
END $$;

CREATE TRIGGER station_id_is_new BEFORE INSERT ON stations
    FOR EACH ROW EXECUTE FUNCTION refuse_used_id();
CREATE TRIGGER point_id_is_new BEFORE INSERT ON points
    FOR EACH ROW EXECUTE FUNCTION refuse_used_id();
CREATE TRIGGER reservation_id_is_new BEFORE INSERT ON reservations
    FOR EACH ROW EXECUTE FUNCTION refuse_used_id();
CREATE TRIGGER last_station_id_grows BEFORE UPDATE ON network
    FOR EACH ROW WHEN (NEW.last_station_id < OLD.last_station_id) EXECUTE FUNCTION refuse_smaller_last_id();
CREATE TRIGGER last_point_id_grows BEFORE UPDATE ON stations
    FOR EACH ROW WHEN (NEW.last_point_id < OLD.last_point_id) EXECUTE FUNCTION refuse_smaller_last_id();
CREATE TRIGGER last_reservation_id_grows BEFORE UPDATE ON points
    FOR EACH ROW WHEN (NEW.last_reservation_id < OLD.last_reservation_id)
    EXECUTE FUNCTION refuse_smaller_last_id();
