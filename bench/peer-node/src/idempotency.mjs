// The persistence layer of Powertools' idempotency, over ioredis.
import { CachePersistenceLayer } from "@aws-lambda-powertools/idempotency/cache";
import { Redis } from "ioredis";

const redis = new Redis(process.env.REDIS_SOCKET ?? process.env.REDIS_URL, { maxRetriesPerRequest: 1 });

export const persistenceStore = new CachePersistenceLayer({
  client: {
    get: (key) => redis.get(key),
    set: (key, value, { EX, NX } = {}) => redis.set(...[key, value, "EX", EX, NX ? "NX" : undefined].filter((word) => word !== undefined)),
    del: (keys) => redis.del(...keys),
  },
});
