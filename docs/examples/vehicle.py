"""A vehicle of your own: it books the nearest charging point, and thinks better of it."""

import asyncio
import os

from recharge import BrokerAddress, RequestError, Vehicle

BROKER = BrokerAddress(port=int(os.environ.get("RECHARGE_MQTT_PORT", "1883")))


async def main() -> None:
    async with Vehicle("my-vehicle", BROKER, protocol="mqtt5") as vehicle:
        try:
            reservation = await vehicle.book(x=2, y=3, battery=20, capacity=60)
        except RequestError as error:
            print(f"no: {error}")
        else:
            print(f"station {reservation.station_id} from {reservation.start:%H:%M} for {reservation.price}")
            await vehicle.cancel(reservation)


asyncio.run(main())
