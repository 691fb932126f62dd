// Commands with the replies that Redis gives.
#pragma once

#include "tests/cache/procedure_fixture.hpp"

namespace troupe {

struct answer {
  std::string_view command;
  std::string_view reply;
};

struct redis_answers : procedure_fixture {
  template <std::size_t Count>
  void expect(const answer (&answers)[Count]) {
    for (const auto& a : answers) EXPECT_EQ(say(a.command), a.reply) << a.command;
  }
};

}  // namespace troupe
