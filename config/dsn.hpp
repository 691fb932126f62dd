// PostgreSQL connection strings, as far as printing them needs to understand them.
#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// The same connection string with every password in it replaced by ***: `password=...` (and
/// sslpassword) of the key=value form and of a URI's query, `user:...@` of a URI. Rather too much is
/// masked than too little.
[[nodiscard]] std::string mask_password(std::string_view dsn);

}  // namespace troupe
