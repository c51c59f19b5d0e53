// SPDX-License-Identifier: Apache-2.0
// Perdure's own workloads, one file each: what clients and objects do, and the promise kept.
#pragma once

#include "perdure/testing/simulation.hpp"

namespace perdure::sim {

/// All of them, by name.
[[nodiscard]] std::vector<perdure::testing::WorkloadMaker> workloads();

using MakeWorkload = std::unique_ptr<perdure::testing::Workload>(std::size_t clients);
MakeWorkload make_alarms;     ///< never early, never lost, retried as they say
MakeWorkload make_bus;        ///< each event to each subscriber, in commit order
MakeWorkload make_callers;    ///< whose calls keep their order, or are told that they were refused
MakeWorkload make_catalogue;  ///< lists are what the objects are
MakeWorkload make_churn;      ///< objects that come and go keep what they were told
MakeWorkload make_families;   ///< who belongs together goes and comes together, never in a circle
MakeWorkload make_flows;      ///< what flows ask for happens once, and no money is made or lost
MakeWorkload make_greedy;     ///< one owner's calls wait for few of another's, however many
MakeWorkload make_history;    ///< the past is as a model was, restored or not
MakeWorkload make_jobs;       ///< each ends once, and no limit is passed
MakeWorkload make_lines;      ///< ranges of entries are what turns left there
MakeWorkload make_lives;      ///< nothing that one life asked for acts in the next
MakeWorkload make_pairs;      ///< messages take effect once, in order, and are answered
MakeWorkload make_retries;    ///< a key has one effect and one reply, creates included
MakeWorkload make_ring;       ///< a ring stays a ring, and its token one token
MakeWorkload make_subscribers;  ///< handlers hear every event, and their cursors wait for them
MakeWorkload make_transfer;     ///< money is neither made nor lost
MakeWorkload make_upgrades;     ///< lists refuse or are right, whatever kinds declare by now
MakeWorkload make_webhooks;     ///< each event reaches its receiver, and is one delivery

}  // namespace perdure::sim
