// A COPY .. FROM STDIN under way on a connection.
#pragma once

#include <functional>
#include <string>

#include "gateways/db/postgres_connection.hpp"

namespace troupe {

struct postgres_connection::copying {
  enum class stage : std::uint8_t { begun, sending, ended, done };

  std::function<expected<std::string>()> next_chunk;  // an empty one: that was all
  std::function<void(expected<std::uint64_t>, bool unclear)> done;
  stage at = stage::begun;
  std::string waiting;        // that libpq could not take yet
  bool given_up = false;      // it ended with an error of ours: the server commits nothing
  bool unreplicated = false;  // committed, but the wait for the standby was cancelled
  expected<std::uint64_t> outcome{0};
};

}  // namespace troupe
