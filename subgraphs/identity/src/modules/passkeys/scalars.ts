import { GraphQLError, GraphQLScalarType, valueFromASTUntyped } from 'graphql';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';

/** Texts of WebAuthn are base64url; none is longer than a certificate chain. */
const bytes = z
  .string()
  .max(65_536)
  .regex(/^[\w-]*={0,2}$/);

/** Members that we do not read are left out: browsers may add to them at any time. */
const authenticationSchema = z.object({
  id: bytes,
  rawId: bytes,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: bytes,
    authenticatorData: bytes,
    signature: bytes,
    userHandle: bytes.nullish().transform((value) => value ?? undefined),
  }),
});

const registrationSchema = z.object({
  id: bytes,
  rawId: bytes,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: bytes,
    attestationObject: bytes,
    transports: z.array(z.string().max(32)).max(10).default([]),
  }),
});

/** A JSON object of WebAuthn that a browser sends. */
function inputScalar<Value>(
  name: string,
  parse: (value: unknown) => Value | undefined,
): GraphQLScalarType<Value, unknown> {
  const read = (value: unknown): Value => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    throw new GraphQLError(`${name} must be what PublicKeyCredential.toJSON() answers in a browser`, {
      extensions: { code: 'BAD_USER_INPUT' },
    });
  };
  return new GraphQLScalarType({
    name,
    parseValue: read,
    parseLiteral: (node, variables) => read(valueFromASTUntyped(node, variables)),
    serialize: (value) => value,
  });
}

/** A JSON object of WebAuthn that a browser is given. */
const outputScalar = (name: string) => new GraphQLScalarType({ name, serialize: (value) => value });

export const passkeyScalars = {
  PasskeyCreationOptions: outputScalar('PasskeyCreationOptions'),
  PasskeyRequestOptions: outputScalar('PasskeyRequestOptions'),
  PasskeyRegistrationResponse: inputScalar<RegistrationResponseJSON>(
    'PasskeyRegistrationResponse',
    (value) => {
      const { data } = registrationSchema.safeParse(value);
      return data && { ...data, clientExtensionResults: {} };
    },
  ),
  PasskeyAuthenticationResponse: inputScalar<AuthenticationResponseJSON>(
    'PasskeyAuthenticationResponse',
    (value) => {
      const { data } = authenticationSchema.safeParse(value);
      if (!data) return undefined;
      const { userHandle, ...response } = data.response;
      return {
        ...data,
        response: { ...response, ...(userHandle === undefined ? {} : { userHandle }) },
        clientExtensionResults: {},
      };
    },
  ),
};
