// A COPY .. FROM STDIN under way on a connection.
#pragma once

#include <functional>
#include <string>

#include "gateways/db/postgres_connection.hpp"

namespace troupe {

struct postgres_connection::copying {
  enum class stage : std::uint8_t { begun, sending, ended };

  std::function<expected<std::string>()> next_chunk;  // an empty one: that was all
  std::function<void(expected<std::uint64_t>, bool lost)> done;
  stage at = stage::begun;
  std::string waiting;  // that libpq could not take yet
  expected<std::uint64_t> outcome{0};
};

}  // namespace troupe
