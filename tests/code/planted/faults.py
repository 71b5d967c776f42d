"""Workflows with faults, each on a line that says which: read by the lint, never run."""

import asyncio
import datetime as dt
import glob
import os
import random
import secrets
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from random import choice
from time import sleep as pause

import httpx
import requests

from treadle import step, workflow

counter = 0
seen: dict[str, int] = {}


def stamp() -> float:
    return time.time()  # fault: clock


async def deeper() -> float:
    return stamp()


@workflow
async def clocks(given):
    a = time.time()  # fault: clock
    b = time.monotonic()  # fault: clock
    c = datetime.now()  # fault: clock
    d = dt.datetime.utcnow()  # fault: clock
    e = date.today()  # fault: clock
    f = await deeper()
    return a, b, c, d, e, f


@workflow
async def chance(given):
    a = random.random()  # fault: randomness
    b = choice([1, 2])  # fault: randomness
    c = secrets.token_hex()  # fault: randomness
    d = os.urandom(8)  # fault: randomness
    e = uuid.uuid4()  # fault: ids
    f = uuid.uuid1()  # fault: ids
    return a, b, c, d, e, f


@workflow(name="reads", version=2)
async def outside(given):
    with open("orders.csv") as file:  # fault: io
        text = file.read()
    path = Path("orders.csv")
    text += path.read_text()  # fault: io
    names = os.listdir(".")  # fault: io
    names += glob.glob("*.csv")  # fault: io
    requests.get("http://localhost")  # fault: io
    async with httpx.AsyncClient() as client:  # fault: io
        await client.get("http://localhost")
    urllib.request.urlopen("http://localhost")  # fault: io
    socket.create_connection(("localhost", 1))  # fault: io
    sqlite3.connect("x.db")  # fault: io
    subprocess.run(["ls"])  # fault: io
    await asyncio.create_subprocess_exec("ls")  # fault: io
    return input("more?")  # fault: io


@workflow
async def blocking(given):
    time.sleep(1)  # fault: blocking-call
    pause(1)  # fault: blocking-call
    threading.Thread(target=stamp).start()  # fault: threads
    await asyncio.to_thread(stamp)  # fault: threads
    with ThreadPoolExecutor() as pool:  # fault: threads
        await asyncio.get_running_loop().run_in_executor(pool, stamp)  # fault: threads


@workflow
async def places(given, into=[]):  # fault: mutable-default
    global counter  # fault: global-state
    counter += 1
    seen["runs"] = 1  # fault: global-state
    seen.update(more=2)  # fault: global-state
    home = os.environ["HOME"]  # fault: environment
    user = os.getenv("USER")  # fault: environment
    cities = {"Oslo", "Rome"}
    for city in cities:  # fault: unordered-set
        await step(print, city)
    first = list({"a", "b"})  # fault: unordered-set
    key = hash("x")  # fault: hash

    async def helper():
        return datetime.now()  # fault: clock

    return home, user, first, key, await helper(), into


@workflow(name="old", state="retired")
async def old(given):
    return 1


@workflow(name="older", state="deprecated")
async def older(given):
    return 1


@workflow
async def starts(given):
    await workflow.run_child(older)  # fault: deprecated-version
    await workflow.start_child(old)  # fault: retired-version
