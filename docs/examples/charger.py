"""A charger: registers a station with one point, and prints what happens there."""

import asyncio
import os

from recharge import BrokerAddress, Charger

BROKER = BrokerAddress(port=int(os.environ.get("RECHARGE_MQTT_PORT", "1883")))


async def main() -> None:
    async with Charger("my-charger", BROKER) as charger:
        station = await charger.register_station(x=2, y=3.5)
        if not await charger.points(station.station_id):
            await charger.add_point(station.station_id, power=22, kwh_price=0.9)
        print(f"station {station.station_id} is online", flush=True)
        async for event in charger.events():
            print(event.type, event.reservation.vehicle_id, event.reservation.start, flush=True)


asyncio.run(main())
