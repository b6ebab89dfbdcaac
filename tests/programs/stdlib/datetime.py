from datetime import date, datetime, time, timedelta, timezone

moment = datetime(2024, 2, 29, 13, 45, 6, 789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
print(moment, repr(moment), moment.astimezone(timezone.utc), moment.isoformat(), moment.strftime("%A %d %B %Y %j %U %p"), moment.timestamp())
print(date(2024, 2, 29) + timedelta(365), date.fromisoformat("2024-W09-4"), timedelta(days=-1, seconds=5), time(3, 4).isoformat(), date.max, moment.isocalendar())
print(datetime.strptime("3 Jan 2021 04:05", "%d %b %Y %H:%M"), datetime(2020, 1, 1) - datetime(2019, 1, 1), datetime.fromtimestamp(0), datetime.utcfromtimestamp(1e9))
date(2023, 2, 29)
