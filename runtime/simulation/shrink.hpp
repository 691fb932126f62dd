// The shortest plan of faults that still breaks something: delta debugging (Zeller and Hildebrandt, 2002: ddmin) over
// the faults, then each of those that are left is made shorter.
//
// It does not promise the smallest plan there is: none from which one fault alone could be taken, unless trials_max
// was reached.
#pragma once

#include <cstddef>
#include <functional>

#include <troupe/fault_plan.hpp>

namespace troupe {

struct shrunk_plan {
  fault_plan plan;
  std::size_t trials = 0;
};

/// `fails` runs a plan and says whether it breaks the same; `plan` does.
[[nodiscard]] shrunk_plan shrink(fault_plan plan, const std::function<bool(const fault_plan&)>& fails,
                                 std::size_t trials_max);

}  // namespace troupe
