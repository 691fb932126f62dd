// What borrows a connection: a transaction, a cursor, a bulk insert. Calls come from any thread and are carried out on
// the loop, in order.
#pragma once

#include <memory>

#include "gateways/db/postgres_side.hpp"

namespace troupe {

/// BEGIN is sent without waiting for its answer: that of the first statement tells.
[[nodiscard]] std::shared_ptr<transaction_access> make_postgres_transaction(std::shared_ptr<postgres_side::lease> lease,
                                                                            const transaction_settings& s,
                                                                            time_point deadline);

/// Opens the cursor and answers when it is open.
void open_postgres_cursor(std::shared_ptr<postgres_side::lease> lease, sql_call call, time_point deadline,
                          open_callback done);

void copy_into_postgres(std::shared_ptr<postgres_side::lease> lease, bulk_target into, row_source source,
                        time_point deadline, count_callback done);

}  // namespace troupe
