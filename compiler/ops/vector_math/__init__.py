"""Elementary functions in vector arithmetic, one family to a file.
In: a scalar of the body. Out: operations that compute it to the record's ulp, no call to a C library."""
