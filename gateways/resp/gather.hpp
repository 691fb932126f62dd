// A command that asks all connections of the door: each thread's group answers with a text, and the reply is made when
// all have. Takes a slot, so that the order of replies holds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateways/resp/connection.hpp"

namespace troupe::resp {

/// `ask` runs on each group's thread, `write` on the connection's own, with the groups' texts.
inline void ask_all_clients(connection& c, std::function<std::string(client_group&)> ask,
                            std::function<void(reply_writer&, std::vector<std::string>)> write) {
  class gathered : public compound_reply {
   public:
    gathered(std::size_t groups, std::function<void(reply_writer&, std::vector<std::string>)> write)
        : missing_(groups), write_(std::move(write)) {}
    bool on_answer(connection&, std::uint64_t, owned_reply answer) override {
      texts_.push_back(std::move(answer.value));
      return --missing_ == 0;
    }
    void write(reply_writer& w) override { write_(w, std::move(texts_)); }

   private:
    std::size_t missing_;
    std::vector<std::string> texts_;
    std::function<void(reply_writer&, std::vector<std::string>)> write_;
  };

  auto* groups = c.shared().clients;
  if (groups == nullptr || groups->count() == 0) {
    return c.reply([&](reply_writer& w) { write(w, {}); });
  }
  const auto slot = c.open_slot(std::make_unique<gathered>(groups->count(), std::move(write)));
  for (std::size_t i = 0; i < groups->count(); ++i) {
    groups->visit(i, [ask, done = c.gate().callback_for(slot)](client_group& g) {
      owned_reply answer;
      answer.value = ask(g);
      done(std::move(answer));
    });
  }
}

}  // namespace troupe::resp
