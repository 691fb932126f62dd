// An event-sourced account for tests: as plain an actor as can be.
#pragma once

#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <troupe/caf.hpp>
#include <troupe/caf_persistence.hpp>

#include "actors/supervision/actor_runtime.hpp"
#include "tests/journal/journal_places.hpp"
#include "troupe/wire/common.pb.h"

namespace troupe::testing {

struct deposited {
  std::int64_t amount = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, deposited& x) {
  return f(caf::meta::type_name("deposited"), x.amount);
}

struct account_image {
  std::int64_t balance = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, account_image& x) {
  return f(caf::meta::type_name("account_image"), x.balance);
}

struct unknown_event {
  std::int64_t amount = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, unknown_event& x) {
  return f(caf::meta::type_name("unknown_event"), x.amount);
}

struct account {
  std::int64_t balance = 0;
  std::uint64_t term = 0;  // of the last Stamp
};

using account_rules = event_rules<account>;

inline std::shared_ptr<account_rules> rules() {
  auto r = std::make_shared<account_rules>();
  r->on<deposited>("deposited", 2, [](account& a, const deposited& e) {
    if (e.amount == 666) throw std::runtime_error("no such amount");
    a.balance += e.amount;
  });
  r->on<wire::Stamp>([](account& a, const wire::Stamp& s) { a.term = s.term(); });
  r->on_bytes("note", 1, [](account&, const std::string& bytes) -> expected<void> {
    if (bytes == "bad") return fail(errc::corrupt, "a bad note");
    return {};
  });
  // Version 1 was the amount as text.
  r->upcast("paid_in", 1, [](journal_event e) -> expected<journal_event> {
    return journal_event{"deposited_text", 1, std::move(e.bytes)};
  });
  r->on_bytes("deposited_text", 1, [](account& a, const std::string& bytes) -> expected<void> {
    a.balance += std::stoi(bytes);
    return {};
  });
  r->upcast("loop", 1, [](journal_event e) -> expected<journal_event> { return e; });
  r->snapshot<account_image>(
      "account_image", 1, [](const account& a) { return account_image{a.balance}; },
      [](const account_image& i) {
        return account{i.balance, 0};
      });
  return r;
}

inline void add_types(caf::actor_system_config& c) {
  c.add_message_type<deposited>("deposited");
  c.add_message_type<account_image>("account_image");
  c.add_message_type<unknown_event>("unknown_event");
  add_protobuf<wire::Stamp>(c);
}

/// "look" says what it has; a number deposits that and says what it has then; "twice n" does so in two groups.
inline caf::behavior account_behavior(caf::event_based_actor* self, const journal& j, const std::string& stream,
                                      const event_source_options& o = {}) {
  event_source<account> its(self, j, stream, rules(), o);
  return {[=](const std::string& what) mutable -> caf::result<std::string> {
    const auto has = [its] { return std::to_string(its.state().balance); };
    if (what == "look") return has();
    auto answer = self->make_response_promise<std::string>();
    const auto told = [answer, has](const expected<void>& stored) mutable {
      if (stored)
        answer.deliver(has());
      else
        answer.deliver(to_caf(stored.error()));
    };
    if (what == "unknown") {
      its.persist(unknown_event{1}, told);
    } else if (what == "stamp") {
      wire::Stamp s;
      s.set_term(7);
      its.persist(s,
                  [its, answer](const expected<void>&) mutable { answer.deliver(std::to_string(its.state().term)); });
    } else if (what.starts_with("twice ")) {
      const deposited e{std::stoi(what.substr(6))};
      its.persist(e);
      its.persist(e, told);
    } else {
      its.persist(deposited{std::stoi(what)}, told);
    }
    return answer;
  }};
}

/// Asks from outside and waits.
inline expected<std::string> ask(caf::actor_system& system, const caf::actor& whom, const std::string& what) {
  const caf::scoped_actor me(system);
  expected<std::string> answer = fail(errc::deadline_exceeded, "test");
  me->request(whom, std::chrono::seconds(20), what)
      .receive([&](const std::string& text) { answer = text; },
               [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
  return answer;
}

}  // namespace troupe::testing
