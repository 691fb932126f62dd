#include "actors/grains/grain_handles.hpp"

#include <utility>

#include <caf/mailbox_element.hpp>
#include <caf/message.hpp>

#include "actors/grains/grain_service.hpp"
#include "runtime/grains/grain_name.hpp"

namespace troupe {

grain_ref::grain_ref(caf::actor_config& cfg, std::shared_ptr<grain_service> service, std::string type, std::string id,
                     std::string key, std::uint32_t shard)
    : caf::actor_proxy(cfg),
      service_(std::move(service)),
      type_(std::move(type)),
      id_(std::move(id)),
      key_(std::move(key)),
      shard_(shard) {}

void grain_ref::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (!what) return;
  grain_service::call c;
  c.type = type_;
  c.id = id_;
  c.key = key_;
  c.shard = shard_;
  c.what = std::move(what);
  service_->route(std::move(c), host);
}

grain_gate::grain_gate(caf::actor_config& cfg, std::weak_ptr<grain_service> service)
    : caf::actor_proxy(cfg), service_(std::move(service)) {}

void grain_gate::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  const auto service = service_.lock();
  if (!what || !service) return;
  const auto refuse = [&](errc code, const std::string& words) {
    grain_service::call c;
    c.what = std::move(what);
    service->refuse(c, {code, words}, host);
  };
  const auto& content = std::as_const(*what).content();
  if (content.size() != 2 || !content.match_element<std::string>(0) || !content.match_element<caf::message>(1))
    return refuse(errc::invalid_argument, "no message for a grain");
  const auto address = decode_grain_address(content.get_as<std::string>(0));
  if (!address) {
    const bool later = address.error().code == errc::not_implemented;
    return refuse(later ? errc::not_implemented : errc::invalid_argument, address.error().context);
  }
  const auto key = grain_key(address->type, address->id);
  grain_service::call c;
  c.type = address->type;
  c.id = address->id;
  c.key = key;
  c.shard = service->shard_of(key);
  c.hops = address->hops;
  c.known = address->known;
  c.what = caf::make_mailbox_element(what->sender, what->mid, {}, content.get_as<caf::message>(1));
  service->route(std::move(c), host);
}

}  // namespace troupe
