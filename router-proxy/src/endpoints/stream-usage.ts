import { AppError } from '@weir/kernel/errors';
import type { Edit } from '../body/json-edit.ts';
import { keyOf, memberNamed, objectMembers } from '../body/json-members.ts';
import { setMember, type JsonObject } from '../body/json-object.ts';
import { invalid } from './request-members.ts';

/** Whether the client wants the usage of its stream. */
export function asksForUsage(body: JsonObject): boolean {
  const options = body.value['stream_options'];
  if (options === undefined || options === null) return false;
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw invalid('stream_options', '"stream_options" must be an object.');
  }
  const member = body.member('stream_options');
  const given = (member ? (objectMembers(body.bytes, member.valueStart) ?? []) : []).filter(
    (one) => keyOf(body.bytes, one) === 'include_usage',
  );
  if (given.length > 1) {
    throw new AppError('INVALID_REQUEST', '"include_usage" appears more than once.', {
      param: 'stream_options',
    });
  }
  return 'include_usage' in options && options.include_usage === true;
}

/** Asks for it in the client's place. */
export function includeUsage(body: JsonObject): Edit {
  const options = body.member('stream_options');
  const members = options && objectMembers(body.bytes, options.valueStart);
  if (!options || !members) return setMember(body, 'stream_options', '{"include_usage":true}');
  const given = memberNamed(body.bytes, members, 'include_usage');
  if (given) return { start: given.valueStart, end: given.valueEnd, text: 'true' };
  const open = options.valueStart + 1;
  return { start: open, end: open, text: `"include_usage":true${members.length === 0 ? '' : ','}` };
}
