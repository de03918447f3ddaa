"""A till in a process of its own, there to be killed: `python -m tests.pos_client.crashing_till URL FILE TASK`."""

import sys

from pos_client import BackOff, Line, PosClient, Sale
from tests.pos_client.fake_service import TOKEN

MANY = 1_000


def work(till: PosClient, first_code: int) -> None:
    """Scan and sell; say so only when the till has said so."""
    for number in range(first_code, first_code + MANY):
        scan = till.scan(f"71{number:0200d}")
        print(scan.scan_id, flush=True)
        line = Line(description="T-shirt", total_minor=2500)
        sale = Sale(receipt_number=str(number), total_minor=2500, lines=[line], scan_id=scan.scan_id, currency="EUR")
        print(till.sell(sale).sale_id, flush=True)


def main(url: str, file: str, task: str) -> None:
    with PosClient(url, TOKEN, queue=file, back_off=BackOff(first=0.01)) as till:
        if task == "sync":
            print("ready", flush=True)
            till.sync()
        else:
            work(till, int(task))


if __name__ == "__main__":
    main(*sys.argv[1:])
