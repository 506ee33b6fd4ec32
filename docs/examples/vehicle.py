"""A vehicle: books the nearest charging point, and cancels the reservation."""

import asyncio
import os

from recharge import BrokerAddress, OutcomeUnknown, RequestError, Vehicle

BROKER = BrokerAddress(port=int(os.environ.get("RECHARGE_MQTT_PORT", "1883")))


async def main() -> None:
    async with Vehicle("my-vehicle", BROKER) as vehicle:
        try:
            reservation = await vehicle.book(x=2, y=3, battery=20, capacity=60)
        except RequestError as error:
            print(f"refused: {error}")
        except OutcomeUnknown:
            print("no reply in time; the reservation is", await vehicle.reservation())
        else:
            print(f"station {reservation.station_id} from {reservation.start:%H:%M} for {reservation.price}")
            await vehicle.cancel(reservation)


asyncio.run(main())
