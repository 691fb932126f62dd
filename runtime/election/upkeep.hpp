// What a leader changes in the record by itself, as one function from what it sees:
//   PIDs     every vetted member that is alive gets highest + 1; entries of incarnations that are gone
//            (replaced, departed, or failed for failed_pid_kept) are dropped in the same change;
//   voters   at most one added or removed, the first of these that applies:
//            1. fewer than expected_members: the vetted member with the lowest PID is added
//               (a member named as a voter before comes back this way under its new voter id);
//            2. a voter's member is alive with another voter id (its disk is new): that voter is removed;
//            3. a voter's member departed gracefully and another could take its place: it is removed;
//            but never a step after which those that answered the leader lately (for a removal: since
//            its cause was seen) could not make a majority: a step that is proposed cannot be taken
//            back, and a member that membership believes alive may have lost its disk a moment ago.
// A voter that failed is not replaced: it may come back with its disk.
#pragma once

#include <map>

#include <troupe/time.hpp>

#include "runtime/election/record.hpp"
#include "runtime/election/roll.hpp"

namespace troupe {

struct upkeep_view {
  const roll& members;  // with this node's own row
  member_ref self;
  time_point led_since;
  time_point now;
  duration lately{};                               // how old an answer may be
  const std::map<voter_id, time_point>& answered;  // voters: the latest round of this leader they answered
};

/// Gives PIDs; when it gave one, drops those of incarnations that are gone. True when `record` changed.
bool give_pids(cluster_record& record, const upkeep_view& view);

/// One step of the voters' list. True when `record` changed.
bool adjust_voters(cluster_record& record, const upkeep_view& view);

}  // namespace troupe
