from concurrent.futures import ThreadPoolExecutor


def work():
    return {}["missing"]


with ThreadPoolExecutor(1) as pool:
    pool.submit(work).result()
