# SPDX-License-Identifier: Apache-2.0
"""Counters as rows, with FastAPI and asyncpg, which prepares each statement once a connection."""

import os

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

ADD = """INSERT INTO counters (id, value) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET value = counters.value + EXCLUDED.value RETURNING value"""
READ = "SELECT value FROM counters WHERE id = $1"

app = FastAPI()


class Add(BaseModel):
    by: int


@app.on_event("startup")
async def open_pool():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE"], min_size=32, max_size=32)


@app.post("/counter/{counter_id}")
async def add(counter_id: str, body: Add) -> int:
    return await app.state.pool.fetchval(ADD, counter_id, body.by)


@app.get("/counter/{counter_id}")
async def read(counter_id: str) -> int:
    return await app.state.pool.fetchval(READ, counter_id) or 0
