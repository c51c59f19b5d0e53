# SPDX-License-Identifier: Apache-2.0
"""What tests of jobs share."""

from harness import wait_until
from users import user_client


class JobCalls:
    """What both kinds of tests do with jobs."""

    def make(self, type, payload=None, client=None, **job):
        if payload is not None:
            job["payload"] = payload
        made = (client or self.client).post("/jobs", {"type": type, **job})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def user(self):
        return user_client(self.shared, self.client)

    def job(self, job, client=None):
        found = (client or self.client).get(f"/jobs/{job}")
        self.assertEqual(found.status, 200, found)
        return found.json

    def when(self, job, *statuses):
        wait_until(lambda: self.job(job)["status"] in statuses,
                   what=f"{statuses} of {self.job(job)}")
        return self.job(job)

    def outcomes(self, job):
        runs = self.client.get(f"/jobs/{job}/runs")
        self.assertEqual(runs.status, 200, runs)
        return [run["outcome"] for run in runs.json["items"]]

    def stats_of(self, queue, client=None):
        stats = (client or self.client).get("/jobs/stats")
        self.assertEqual(stats.status, 200, stats)
        return next((one for one in stats.json["queues"] if one["queue"] == queue), None)
