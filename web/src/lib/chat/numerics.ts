/** Numerics that refuse a request, with the thing it was about in their second parameter. */
export const REFUSALS: ReadonlySet<string> = new Set(
  '401 402 403 404 405 406 411 412 415 417 421 432 433 437 441 442 443 461 471 472 473 474 475 476 477 481 482 489 501 502 524'.split(
    ' ',
  ),
);

/** Those of them that may answer a JOIN. */
export const JOIN_REFUSALS: ReadonlySet<string> = new Set(
  '403 405 437 471 473 474 475 476 477 489'.split(' '),
);
