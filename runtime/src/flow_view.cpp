// SPDX-License-Identifier: Apache-2.0
#include "flow_view.hpp"

#include "flow_state.hpp"

namespace perdure::runtime {

namespace {

Json view_flow(const Envelope& envelope) {
  const auto& flow = *envelope.flow;
  Json view{{"name", flow.name},
            {"command", envelope.call.name},
            {"begun_at", format_rfc3339(envelope.accepted_at)},
            {"waited_for", Json::array()}};
  for (const auto& kept : flow.kept) view["waited_for"].push_back(kept.name);
  if (flow.sleep) view["sleeps_until"] = format_rfc3339(flow.sleep->due);
  if (flow.asked_by) view["asked_by"] = to_string(flow.asked_by->object);
  return view;
}

}  // namespace

Result<Json> view_flows(const storage::StoreReader& store, const ObjectId& object) {
  // No object has more; see Activation.
  PERDURE_TRY(rows, store.alarms(flow_object(object), {}, 2 * limits::object_flows_max));
  Json views = Json::array();
  for (const auto& row : rows) {
    PERDURE_TRY(flow, decode_flow(row));
    views.push_back(view_flow(*flow));
  }
  return views;
}

}  // namespace perdure::runtime
