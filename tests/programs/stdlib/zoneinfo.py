from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"):
    moment = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo(zone))
    print(zone, moment, moment.utcoffset(), moment.tzname(), (moment + timedelta(180)).dst())
print(len(available_timezones()) > 400, repr(ZoneInfo("Europe/Paris")), datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")).utcoffset())
ZoneInfo("No/Such")
