#!/bin/sh
# Makes the database and its logins, when PostgreSQL's image starts for the first time: docker-compose.scale.yml.
# The passwords come from files, so that they are in no environment and in no list of processes.
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<'SQL'
\set owner_password `cat /run/secrets/database_owner`
\set service_password `cat /run/secrets/database_service`
-- Owns the database, and upgrades the schema.
CREATE ROLE recharge_owner LOGIN PASSWORD :'owner_password';
-- What services may do; the schema says what that is.
CREATE ROLE recharge_service NOLOGIN;
CREATE ROLE recharge_1 LOGIN PASSWORD :'service_password' IN ROLE recharge_service;
CREATE DATABASE recharge OWNER recharge_owner;
REVOKE ALL ON DATABASE recharge FROM PUBLIC;
GRANT CONNECT ON DATABASE recharge TO recharge_service;
SQL
