// Types that an embedder might register, and one that nobody did.
#pragma once

#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/type_id.hpp>

#include <troupe/caf.hpp>
#include <troupe/caf_protobuf.hpp>

#include "troupe/wire/common.pb.h"

namespace troupe::testing {

struct order {
  std::uint64_t number = 0;
  std::string article;
  std::vector<std::uint32_t> sizes;
  bool operator==(const order&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, order& x) {
  return f(caf::meta::type_name("order"), x.number, x.article, x.sizes);
}

struct envelope {
  caf::actor inside;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, envelope& x) {
  return f(caf::meta::type_name("envelope"), x.inside);
}

struct unregistered {
  int value = 0;
};

}  // namespace troupe::testing

CAF_BEGIN_TYPE_ID_BLOCK(link_test, troupe::first_type_id)
CAF_ADD_TYPE_ID(link_test, (troupe::testing::order))
CAF_ADD_TYPE_ID(link_test, (troupe::testing::envelope))
CAF_END_TYPE_ID_BLOCK(link_test)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::testing::unregistered)

namespace troupe::testing {

struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    add_message_types<caf::id_block::link_test>();
    add_protobuf<wire::Stamp>(*this);
  }
};

}  // namespace troupe::testing
